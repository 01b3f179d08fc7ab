"""Where images come from: phantoms, public data sets, and folders of your own."""
