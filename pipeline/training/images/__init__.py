"""Training any network on labelled pictures. Only the classes that a picture shows are known."""
