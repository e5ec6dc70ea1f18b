"""Order, parallelism, configuration, errors and the command line around the stages."""
