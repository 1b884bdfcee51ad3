"""The UDP engine: questions in datagrams, answers that prove them, and silence that is looked into."""
