"""What stands below every room: documents, protocols, scores, specs of metrics.

Nothing here imports another room of ganbench, nor torch.
"""
