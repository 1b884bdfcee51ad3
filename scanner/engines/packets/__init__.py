"""Linux packet I/O: frames out by sendmmsg or AF_XDP, answers in through a mapped ring."""
