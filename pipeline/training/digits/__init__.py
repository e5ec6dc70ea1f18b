"""The paper's network: MNIST digits."""
