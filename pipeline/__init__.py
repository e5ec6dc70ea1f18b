"""Everything around the stages: order, parallelism, configuration, errors, command line."""
