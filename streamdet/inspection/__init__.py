"""What the features of a network respond to: on a picture, over a folder, back to the pixels."""
