//! Nothing: the stories are in `it/`, one binary of tests over real servers.
