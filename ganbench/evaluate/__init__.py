"""What a trained model is worth: capabilities, evidence, metrics, extractors and pictures.

`ganbench.evaluate.harness.evaluate` scores a model; `ganbench.evaluate.catalogue` lists the
metrics. Importing this package imports no torch.
"""
