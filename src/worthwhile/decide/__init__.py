"""What to do: segments, the effect of campaigns, a plan under a budget, and the hand-over to other tools."""
