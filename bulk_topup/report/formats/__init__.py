"""Report formats, a module for each; `interface` lists them."""
