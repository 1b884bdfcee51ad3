"""The IANA registry and the lists beside it: where they come from, how they are read, checked and updated."""
