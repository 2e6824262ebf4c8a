# A program that is no Python: says so and waits.
echo ready
exec sleep 3600
