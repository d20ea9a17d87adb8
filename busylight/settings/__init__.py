"""One env file and the environment in, one frozen tree of settings out; or every fault at once."""
