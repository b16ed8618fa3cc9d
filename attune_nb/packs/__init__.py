"""Attune packs: folders of actions and workflows that are opened, checked and run here."""
