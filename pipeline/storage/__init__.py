"""Places of pictures other than disks: buckets and web servers."""
