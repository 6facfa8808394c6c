"""What every long job shares: manifest, journal, lock, and files that change together or not at all."""
