"""UDP without a network: the questions, what answers mean, and how long a host's silence is worth asking about.

`question.py` says what a question is, the files beside it hold them by family, `catalogue.py` puts them together.
`icmp_pace.py` learns how many errors about closed ports a host sends a second, and `host_queue.py` decides from that
what to ask next. Every question was written from the specification that its row names.
"""
