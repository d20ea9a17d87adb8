"""What `busylight setup` asks, in which order, and what follows from each answer.

Nothing here touches anything: a conversation yields steps, and whoever leads it does them.
"""
