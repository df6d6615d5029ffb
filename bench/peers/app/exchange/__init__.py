"""Federated averaging without training."""
