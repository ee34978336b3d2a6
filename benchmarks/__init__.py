"""Benchmarks of skmanifold's estimators against their peers; see README.md."""
