"""The server inside an image that Lading builds: one model, its contract, two protocols."""
