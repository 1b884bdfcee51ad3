"""The way to a target as the kernel sees it: routes, next hops, neighbours, link states."""
