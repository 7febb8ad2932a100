"""The core, below every room: latents, specs, protocols, scores, seeds, cache, errors.

Nothing here imports another room of ganbench, nor torch.
"""
