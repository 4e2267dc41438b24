"""An adapter per system, run by the interpreter of that system: it imports nothing but it and `bodies`.

Its docstring says how the system is configured, and why; it stands on the page. It offers

- `workers()`: the commands of its worker, which runs jobs in two processes;
- `send(number)`: send one no-op job; `call()`: send one and wait for its result; `nap()`: send one that
  sleeps; `hold(number)`: send one that stays for a while; each `def` or `async def`;
- `send_many(number)`, where the system has a way to send many at once;
- `prepare()`, where something is to be done before the first job; `connect()`, before the first is sent;
- `PACKAGES`: whose versions are told.

`place` says where its jobs are to be kept, and how many are to run at once.
"""
