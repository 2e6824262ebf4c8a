"""Which release this is. Its only home: setup.cfg reads it, and asking the installation for it takes 25 ms."""

VERSION = "0.1.0"
