"""What the features of a network respond to: on an image, over a folder, back to the pixels."""
