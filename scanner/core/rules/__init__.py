"""Rules: what makes an observation a finding. `rule.py` says what a rule is; one file a family of rules."""
