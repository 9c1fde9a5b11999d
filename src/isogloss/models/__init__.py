"""Classifiers over Hugging Face encoders: features, pooling, loading and export."""
