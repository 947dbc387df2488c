"""Encoders of one's own: trained contrastively, distilled into smaller ones, adapted to being pruned."""
