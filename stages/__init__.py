"""What happens to one picture: load, infer, heatmap, threshold, boxes (and classify)."""
