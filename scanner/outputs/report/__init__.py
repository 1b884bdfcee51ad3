"""The report as one HTML page: for the screen, for paper, without network and without script if need be."""
