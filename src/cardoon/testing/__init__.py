"""Floor 5: what authors of engines and applications test with."""
