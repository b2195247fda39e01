"""The task video-prediction: the frames that follow."""
