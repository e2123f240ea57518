"""Where the stages meet: tables -> data set -> split -> initial embeddings -> model -> recommender."""
