"""The text network: trained, weighed and calibrated on positions of rendered pictures only."""
