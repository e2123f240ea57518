"""The one place that decides what a comparison has shown, and says it in words."""
