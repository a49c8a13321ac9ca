"""The pretrained weights that are shipped, and how they are read."""
