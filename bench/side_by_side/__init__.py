"""sidecache beside its peers: what each costs, in one run."""
