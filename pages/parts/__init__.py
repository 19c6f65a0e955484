"""The experiments: one folder a page, one file a part. Here, the pages in the order of the menu."""
