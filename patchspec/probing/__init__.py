"""What the tensors of a model hold on given data: stored, counted, compared, differentiated."""
