"""The stored sweeps. The only place that speaks SQL."""
