"""The demo: stand-in business systems that are real servers and files, and the story they play."""
