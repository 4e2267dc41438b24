"""The engine of `redis://localhost/0?namespace=shop`: one Lua script a verb."""
