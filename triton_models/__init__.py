"""A Triton model repository: our models, and the Python that prepares pictures for them."""
