"""What maps and plots are drawn from, and the plots."""
