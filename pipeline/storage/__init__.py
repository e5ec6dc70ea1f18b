"""Where pictures lie that are on no disk: buckets and web servers."""
