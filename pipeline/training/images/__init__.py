"""Training any network on labelled pictures: nothing but which classes a picture shows."""
