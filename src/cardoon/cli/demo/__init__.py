"""`cardoon demo`: files to count, a stage to play on, a worker to kill, and a tally to check it all."""

from cardoon.cli.demo.command import demo as demo
