"""What is wrong with the images themselves: duplicates, outliers, faulty pictures."""
