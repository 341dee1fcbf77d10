"""How the models of `triton_models/` are made: synthetic data, training, export and evaluation."""
