"""What Evenhand promises, executed; a package of its own, since a library installs another one named ``tests``."""
